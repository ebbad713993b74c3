import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import type { HttpHeaders } from '../loop/policy.js';
import { holds } from './conditions.js';
import type { Reply } from './problem.js';

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
};

/** The pages run only their own scripts and talk only to their own server. */
const PAGE_HEADERS: HttpHeaders = {
  'content-security-policy':
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self' ws: wss:; frame-ancestors 'self'; base-uri 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

/** The built browser pages, held in memory: a request can reach no other file. */
export interface Pages {
  /** The answer for a path such as `/` or `/assets/app-3f2a.js`; `undefined` where there is none. */
  find(path: string, ifNoneMatch: string | undefined): Reply | undefined;
}

/** Reads all files below `folder`; an absent folder holds none. */
export function loadPages(folder: string): Pages {
  const files = new Map<string, { etag: string; headers: HttpHeaders; body: Uint8Array }>();
  for (const path of filesBelow(folder)) {
    const body = readFileSync(path);
    const name = `/${relative(folder, path).split(sep).join('/')}`;
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 16)}"`;
    const immutable = name.startsWith('/assets/');
    files.set(name === '/index.html' ? '/' : name, {
      etag,
      body,
      headers: {
        ...PAGE_HEADERS,
        'content-type': TYPES[extname(path)] ?? 'application/octet-stream',
        etag,
        // Names under assets/ carry a hash of the content.
        'cache-control': immutable ? 'public, max-age=31536000, immutable' : 'no-cache',
      },
    });
  }
  return {
    find(path, ifNoneMatch) {
      const file = files.get(path);
      if (!file) return undefined;
      const { etag, headers, body } = file;
      return holds(ifNoneMatch, etag) ? { status: 304, headers } : { status: 200, headers, body };
    },
  };
}

function filesBelow(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

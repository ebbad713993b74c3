export interface RequestTarget {
  readonly path: string;
  readonly query: string;
}

/** Splits a request target (RFC 9112 section 3.2); of an absolute form only the path and query are kept. */
export function requestTarget(target: string): RequestTarget {
  const from = target.startsWith('/') ? 0 : pathStart(target);
  const mark = target.indexOf('?', from);
  if (mark < 0) return { path: target.slice(from) || '/', query: '' };
  return { path: target.slice(from, mark) || '/', query: target.slice(mark + 1) };
}

function pathStart(target: string): number {
  const scheme = target.indexOf('://');
  if (scheme < 0) return 0;
  const slash = target.slice(scheme + 3).search(/[/?]/);
  return slash < 0 ? target.length : scheme + 3 + slash;
}

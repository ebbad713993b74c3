import { describe, expect, it } from 'vitest';
import { type Answer, feed, json, type Upstream, upstream } from '../support/http-upstream.js';

/** What the last request was. */
function last({ requests }: Upstream) {
  const { method, url, headers, body } = requests.at(-1)!;
  return { method, url, type: headers['content-type'], body };
}

const redirect =
  (status: number, location: string): Answer =>
  (_, response) =>
    response.writeHead(status, { location }).end();

describe('a source that sends a body', () => {
  it.each([
    ['an object, as JSON', { a: ['é'] }, '{"a":["é"]}', 'application/json'],
    ['null, as JSON', null, 'null', 'application/json'],
    ['text, as it is', 'a=1', 'a=1', 'text/plain'],
  ])('posts %s', async (_name, body, sent, type) => {
    const server = await upstream();
    expect(await feed(server.url, { body }).fetch()).toEqual({ value: '{"n":1}', stale: undefined });
    expect(last(server)).toEqual({ method: 'POST', url: '/q', type, body: sent });
  });

  it('says what it is where it is told to', async () => {
    const server = await upstream();
    const type = 'application/x-www-form-urlencoded';
    await feed(server.url, { body: 'a=1', headers: { 'Content-Type': type } }).fetch();
    expect(last(server)).toEqual({ method: 'POST', url: '/q', type, body: 'a=1' });
  });

  it('may post nothing at all', async () => {
    const server = await upstream();
    await feed(server.url, { method: 'POST' }).fetch();
    expect(last(server)).toEqual({ method: 'POST', url: '/q', type: undefined, body: '' });
  });

  it('asks without conditions, and knows an answer of the same bytes', async () => {
    const server = await upstream();
    server.answer = json('{"n":1}', { etag: '"1"' });
    const topic = feed(server.url, { body: {} });
    await topic.fetch();
    const { version } = topic.view;
    await topic.fetch();
    expect(server.requests[1]!.headers).not.toHaveProperty('if-none-match');
    expect(topic.view.version).toBe(version);
  });

  it.each([
    [301, 'GET', undefined, ''],
    [302, 'GET', undefined, ''],
    [303, 'GET', undefined, ''],
    [307, 'POST', 'application/json', '{"a":1}'],
    [308, 'POST', 'application/json', '{"a":1}'],
  ])('after a %i asks with %s', async (status, method, type, body) => {
    const server = await upstream();
    server.answer = (request, response) => {
      if (request.url === '/q') redirect(status, '/there')(request, response);
      else json('{"n":2}')(request, response);
    };
    expect((await feed(server.url, { body: { a: 1 } }).fetch()).value).toBe('{"n":2}');
    expect(last(server)).toEqual({ method, url: '/there', type, body });
  });

  it('may be sent to the same URL for the answer', async () => {
    const server = await upstream();
    server.answer = (request, response) => {
      if (request.method === 'POST') redirect(303, '/q')(request, response);
      else json('{"n":3}')(request, response);
    };
    expect((await feed(server.url, { body: { a: 1 } }).fetch()).value).toBe('{"n":3}');
  });
});

describe('a GraphQL source', () => {
  const query = 'query Q($id: ID!) { price(id: $id) }';
  const token = 'Bearer s3cret-token';

  /** A server of one operation. */
  const graphql: Answer = async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const { query: asked, variables } = JSON.parse(text);
    if (asked !== query) json('{"errors":[{"message":"Syntax Error"}]}')(request, response);
    else json(JSON.stringify({ data: { price: { id: variables.id, eur: 7 } } }))(request, response);
  };

  it('posts its query and variables, and takes the data', async () => {
    const server = await upstream();
    server.answer = graphql;
    const topic = feed(server.url, { graphql: { query, variables: { id: 'x' } }, select: '/price' });
    expect(await topic.fetch()).toEqual({ value: '{"id":"x","eur":7}', stale: undefined });
    const { headers, body } = server.requests[0]!;
    expect(JSON.parse(body)).toEqual({ query, variables: { id: 'x' } });
    expect(headers['content-type']).toBe('application/json');
    expect(headers.accept).toMatch(/^application\/graphql-response\+json, /);
  });

  it.each<[string, Answer, string]>([
    [
      'an error',
      json('{"errors":[{"message":"Cannot query\\n field"}],"data":{"a":1}}'),
      'answered the GraphQL error "Cannot query field"',
    ],
    [
      'an error with status 400',
      (_, r) => r.writeHead(400).end('{"errors":[{"message":"Unknown type"}]}'),
      'answered with status 400 and the GraphQL error "Unknown type"',
    ],
    ['status 400 and no JSON', (_, r) => r.writeHead(400).end('<p>Bad Request'), 'answered with status 400'],
    [
      'an error without a message',
      json('{"errors":[1]}'),
      'answered the GraphQL error "an error without a message"',
    ],
    [
      'a long error',
      json(JSON.stringify({ errors: [{ message: 'e'.repeat(500) }] })),
      `answered the GraphQL error "${'e'.repeat(157)}..."`,
    ],
    [
      'the secret of a header',
      json('{"errors":[{"message":"invalid token s3cret-token"}]}'),
      'answered the GraphQL error "invalid token (secret)"',
    ],
    ['no data', json('{"data":null}'), 'answered JSON that is no GraphQL response'],
    ['something else', json('[]'), 'answered JSON that is no GraphQL response'],
  ])('that is answered %s makes its topic stale with that reason', async (_name, answer, reason) => {
    const server = await upstream();
    server.answer = graphql;
    const topic = feed(server.url, {
      graphql: { query, variables: { id: 'x' } },
      headers: { authorization: token },
    });
    const { value } = await topic.fetch();
    server.answer = answer;
    expect(await topic.fetch()).toEqual({ value, stale: `${server.url} ${reason}` });
  });

  it('does not give away the user and password of its URL where the server repeats them', async () => {
    const server = await upstream();
    server.answer = ({ headers }, response) =>
      response.end(JSON.stringify({ errors: [{ message: `refused: ${headers.authorization}` }] }));
    const topic = feed(server.url.replace('//', '//user:hunter22@'), { graphql: { query } });
    expect((await topic.fetch()).stale).toBe(
      `${server.url} answered the GraphQL error "refused: Basic (secret)"`,
    );
  });
});

describe('a source that keeps a part of the answer', () => {
  it('shapes only what changed', async () => {
    const server = await upstream();
    server.answer = json('{"data":[{"id":"a","n":1}],"at":1}');
    const topic = feed(server.url, { select: 'data[]', array: { key: 'id' } });
    expect((await topic.fetch()).value).toBe('{"a":{"id":"a","n":1}}');
    const { version } = topic.view;
    await topic.fetch();
    server.answer = json('{"data":[{"id":"a","n":1}],"at":2}');
    await topic.fetch();
    expect(topic.view.version).toBe(version);
  });

  it('asks again for what could not be shaped, and recovers', async () => {
    const server = await upstream();
    const topic = feed(server.url, { select: '/data', array: { key: 'id' } });
    server.answer = json('{"error":"busy"}', { etag: '"1"' });
    expect((await topic.fetch()).stale).toBe(`${server.url} answered nothing at /data`);
    server.answer = json('{"data":{}}', { etag: '"1"' });
    expect((await topic.fetch()).stale).toBe(`${server.url} answered no list to key by id`);
    expect(server.requests[1]!.headers).not.toHaveProperty('if-none-match');
    server.answer = json('{"data":[{"id":"a"}]}');
    expect(await topic.fetch()).toEqual({ value: '{"a":{"id":"a"}}', stale: undefined });
  });
});

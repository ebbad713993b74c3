/**
 * Answers `/prices?symbols=S0,S1,…` with a record for each; every second one in a hundred of all gets another price.
 * With `/still` before it the answers never change. Prints its port.
 */
import { createServer } from 'node:http';

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://upstream');
  const second = pathname.startsWith('/still') ? 0 : Math.floor(Date.now() / 1_000);
  const records = (searchParams.get('symbols') ?? '').split(',').map((symbol) => {
    // Each changes every hundred seconds, in a second of its own.
    const changes = second === 0 ? 0 : Math.floor((Number(symbol.slice(1)) + second) / 100);
    const price = 100 + Number(symbol.slice(1)) / 7 + (changes % 1_000) / 100;
    return {
      symbol,
      name: `Company ${symbol}`,
      price,
      currency: 'EUR',
    };
  });
  response.setHeader('content-type', 'application/json').end(JSON.stringify(records));
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(typeof address === 'object' ? address?.port : address);
});

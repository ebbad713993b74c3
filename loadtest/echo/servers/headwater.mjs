import { serveEcho } from '../../../dist/server/edge/echo.js';
import { libuv } from '../../../dist/server/loop/libuv.js';

const { port } = await serveEcho(libuv(), { host: '127.0.0.1', port: 0 });
console.log(port);

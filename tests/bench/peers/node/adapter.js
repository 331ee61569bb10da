// POST /formatCarInfo: writes a car in kayak's format.
//     node adapter.js ADDRESS PORT
'use strict';
const http = require('node:http');

const [address, port] = process.argv.slice(2);

function format({ carid, price, currency, status }) {
  return JSON.stringify({
    carid, price, currency, status, message: 'welcome to kayak', payment_method: 'visa',
  });
}

http.createServer((request, response) => {
  if (request.method !== 'POST' || request.url !== '/formatCarInfo') {
    response.writeHead(404).end();
    return;
  }
  const pieces = [];
  request.on('data', (piece) => pieces.push(piece));
  request.on('end', () => {
    let body;
    try {
      body = format(JSON.parse(Buffer.concat(pieces)));
    } catch {
      response.writeHead(400).end();
      return;
    }
    response.writeHead(200, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
    }).end(body);
  });
}).listen({ host: address, port, backlog: 1024 });

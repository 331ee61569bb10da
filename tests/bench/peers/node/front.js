// GET /bookCar: picks the cheapest car and has the adapter write the answer.
//     node front.js ADDRESS PORT ADAPTER_PORT
'use strict';
const http = require('node:http');

const [address, port, adapterPort] = process.argv.slice(2);

const fleet = [
  { carid: '1-XXX-555', price: 90, currency: 'euro', status: 'available' },
  { carid: '1-XXX-333', price: 55, currency: 'euro', status: 'available' },
  { carid: '1-XXX-444', price: 70, currency: 'euro', status: 'available' },
];

const upstream = {
  agent: new http.Agent({ keepAlive: true }),
  host: address,
  port: adapterPort,
  path: '/formatCarInfo',
  method: 'POST',
};

function cheapest() {
  let best;
  for (const car of fleet)
    if (!best || car.price < best.price) best = car;
  return best;
}

function format(car, done) {
  const document = JSON.stringify(car);
  const headers = {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(document),
  };
  const call = http.request({ ...upstream, headers }, (answer) => {
    const pieces = [];
    answer.on('data', (piece) => pieces.push(piece));
    answer.on('end', () => done(null, answer, Buffer.concat(pieces)));
  });
  call.on('error', done);
  call.end(document);
}

http.createServer((request, response) => {
  if (request.method !== 'GET' || request.url !== '/bookCar') {
    response.writeHead(404).end();
    return;
  }
  format(cheapest(), (error, answer, body) => {
    if (error) {
      response.writeHead(503).end();
      return;
    }
    response.writeHead(answer.statusCode, {
      'Content-Type': answer.headers['content-type'],
      'Content-Length': body.length,
    }).end(body);
  });
}).listen({ host: address, port, backlog: 1024 });

// A bare relay on the npm package `ws`: whoever names another member of the room reaches it. No checks, no limits, no
// numbers, nothing kept: what is left when everything but the relaying is taken out.
import { WebSocketServer } from 'ws';

const [port] = process.argv.slice(2);
const rooms = new Map();
const server = new WebSocketServer({ host: '127.0.0.1', port: Number(port), perMessageDeflate: false });

server.on('connection', (socket, request) => {
  const url = new URL(request.url, 'ws://localhost');
  const id = url.searchParams.get('id');
  const room = rooms.get(url.pathname) ?? new Map();
  rooms.set(url.pathname, room.set(id, socket));
  socket.on('message', (text) => {
    const message = JSON.parse(text);
    message.from = id;
    room.get(message.to)?.send(JSON.stringify(message));
  });
  socket.on('close', () => room.delete(id));
  socket.send(JSON.stringify({ type: 'welcome', clientId: id }));
  socket.send(JSON.stringify({ type: 'participants', participants: [...room.keys()] }));
});

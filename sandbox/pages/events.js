// Updates the list when a request arrives and when its answer is sent.

const list = document.getElementById('events');
const empty = document.getElementById('empty');
const connection = document.getElementById('connection');
const template = document.getElementById('row');
const EVERY_MS = 1500;
let shown = '';

for (const time of list.querySelectorAll('time')) time.textContent = clock(time.dateTime);
setInterval(() => void refresh(), EVERY_MS);

async function refresh() {
  const text = await fetch('/events', { headers: { accept: 'application/json' } })
    .then((response) => response.text())
    // fetch rejects when the sandbox is gone; the next refresh tries again.
    .catch(() => undefined);
  connection.textContent = text === undefined ? '与沙箱的连接断开了，正在重试……' : '';
  if (text === undefined || text === shown) return;
  show(JSON.parse(text));
  shown = text;
}

function show(entries) {
  list.replaceChildren(...entries.map(row));
  empty.hidden = entries.length > 0;
}

function row({ at, what, detail, status, ms }) {
  const item = template.content.firstElementChild.cloneNode(true);
  const texts = {
    what,
    detail,
    at: clock(at),
    answer: status === undefined ? '没有响应' : `响应 ${status}，${ms} 毫秒`,
  };
  for (const [name, text] of Object.entries(texts))
    item.querySelector(`[data-part="${name}"]`).textContent = text;
  item.querySelector('time').dateTime = at;
  return item;
}

function clock(at) {
  return new Date(at).toLocaleTimeString('zh-CN', { hour12: false });
}

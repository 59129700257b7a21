// Shows messages as they arrive. Earlier messages are in the page.

const list = document.getElementById('messages');
const empty = document.getElementById('empty');
const connection = document.getElementById('connection');
const template = document.getElementById('bubble');
const KEPT = 200;

const events = new EventSource('/phone/events');
events.addEventListener('open', () => {
  connection.textContent = '';
  void catchUp();
});
events.addEventListener('message', (event) => show(JSON.parse(event.data)));
events.addEventListener('error', () => {
  connection.textContent = '与沙箱的连接断开了，正在重试……';
});

for (const time of list.querySelectorAll('time')) time.textContent = clock(time.dateTime);

/** Loads the messages from before the stream was open, or while it was interrupted. */
async function catchUp() {
  const response = await fetch('/phone/messages');
  for (const message of (await response.json()).toReversed()) show(message);
}

function show(message) {
  const key = [message.at, message.mobile, message.code].join(' ');
  if ([...list.children].some((item) => keyOf(item) === key)) return;
  const item = template.content.firstElementChild.cloneNode(true);
  for (const name of ['mobile', 'code', 'text']) part(item, name).textContent = message[name];
  const time = part(item, 'at');
  time.dateTime = message.at;
  time.textContent = clock(message.at);
  list.prepend(item);
  empty.hidden = true;
  while (list.children.length > KEPT) list.lastElementChild.remove();
}

function part(item, name) {
  return item.querySelector(`[data-part="${name}"]`);
}

function keyOf(item) {
  return [part(item, 'at').dateTime, part(item, 'mobile').textContent, part(item, 'code').textContent].join(
    ' ',
  );
}

function clock(at) {
  return new Date(at).toLocaleTimeString('zh-CN', { hour12: false });
}

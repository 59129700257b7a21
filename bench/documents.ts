import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [START, END] = ['<!-- bench: start -->', '<!-- bench: end -->'];

const CHINESE: Readonly<Record<string, string>> = {
  Work: '内容',
  ours: '本服务',
  'hand-written, same round trips': '手写，往返次数相同',
  'fewest round trips': '手写，往返次数最少',
  ratio: '比值',
  'bcrypt 10 alone, on all cores': '只算 bcrypt 10，用上所有核',
  'a route that does nothing': '什么都不做的接口',
  'authorization URL': '取得授权地址',
  'login of a bound QQ': '已绑定的QQ登录',
  'the same, QQ at 50 ms a call, 100 connections': '同上，QQ每次调用 50 ms，100个连接',
  'callback of an unbound QQ': '未绑定的QQ回调',
  'who am I (hand-written: one Redis command and one SQL statement; fewest: none)':
    '我是谁（手写：一条 Redis 命令和一条 SQL；最少：都没有）',
  'bind, new account, bcrypt 10': '绑定，新账号，bcrypt 10',
  'bind, existing account, bcrypt 10': '绑定，已有账号，bcrypt 10',
  'bind, new account, bcrypt 4': '绑定，新账号，bcrypt 4',
  'bind, existing account, bcrypt 4': '绑定，已有账号，bcrypt 4',
  'logins beside binds (bcrypt 10)': '与绑定（bcrypt 10）同时进行的登录',
  'binds beside those logins': '与这些登录同时进行的绑定',
  '200 logins a second': '每秒200次登录',
  '200 logins a second beside binds (bcrypt 10)': '每秒200次登录，同时有绑定（bcrypt 10）',
  'binds beside 200 logins a second': '与每秒200次登录同时进行的绑定',
  'bind, new account, bcrypt 10 ÷ bcrypt alone': '绑定，新账号，bcrypt 10 ÷ 只算 bcrypt',
  'p99 of 200 logins a second: beside binds ÷ without them': '每秒200次登录的 p99：有绑定 ÷ 没有绑定',
  'binds beside 200 logins a second ÷ binds alone': '与每秒200次登录同时进行的绑定 ÷ 只有绑定',
  'overflow: slowest OVERLOADED': '过载：最慢的 OVERLOADED',
  'cold start to ready': '冷启动到就绪',
};

/**
 * Replaces the text between the markers of performance.md and performance.zh-CN.md.
 * @param section the line about the run, and the table
 */
export function writeIntoDocuments(folder: string, section: string): void {
  const chinese = inChinese(section);
  writeBetweenMarkers(join(folder, 'performance.md'), section);
  writeBetweenMarkers(join(folder, 'performance.zh-CN.md'), chinese);
}

function writeBetweenMarkers(document: string, section: string): void {
  const text = readFileSync(document, 'utf8');
  const [before, after] = [text.split(START)[0]!, text.split(END)[1]!];
  writeFileSync(document, `${before}${START}\n\n${section}\n\n${END}${after}`);
}

/**
 * What the bench writes into docs/performance.md, in Chinese for docs/performance.zh-CN.md: the line about the run,
 * the head of the table and the first cell of each row. The figures stay as they are.
 *
 * @throws Error for a row without a translation
 */
export function inChinese(section: string): string {
  const [head = '', ...rows] = section.trim().split(/\n+/);
  const table = rows.map((row, index) => {
    const cells = row.split('|').map((cell) => cell.trim());
    // The outer two are empty, and the second row has dashes.
    if (index === 1) return row;
    return (index === 0 ? cells.map(translated) : cells.with(1, translated(cells[1]!))).join(' | ').trim();
  });
  return `${headInChinese(head)}\n\n${table.join('\n').replaceAll('nothing was refused', '没有请求被拒绝')}`;
}

function translated(cell: string): string {
  if (cell === '') return cell;
  const chinese = CHINESE[cell];
  if (chinese === undefined) throw new Error(`bench/documents.ts has no Chinese for "${cell}"`);
  return chinese;
}

function headInChinese(head: string): string {
  return head
    .replace(/(\d+) cores/, '$1 核')
    .replace('one short round.', '一轮短测。')
    .replace('median of three rounds.', '三轮的中位数。')
    .replaceAll(', ', '，');
}

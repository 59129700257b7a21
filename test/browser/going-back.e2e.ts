import { it } from 'vitest';
import { type Shop, openShop, stranger } from './shop.js';
import { signIn } from './states.js';
import { launchWithPageCache } from './visitor.js';
import { visits } from './visits.js';

let shop: Shop;
const visit = visits(async () => [(shop = await openShop())], launchWithPageCache);

it('going back after logging out does not bring the account page back', async () => {
  const visitor = await visit();
  await signIn(visitor, stranger());
  await visitor.press('退出登录');
  await visitor.sees('已退出登录');

  await visitor.goBack();

  await visitor.page.waitForURL(`${shop.url}/?next=%2Fuser.html`);
  await visitor.sees('已退出登录');
});

it('going back to the login page after a login says who is logged in, and its button does not say that it is busy', async () => {
  const visitor = await visit();
  const { page } = visitor;
  const owner = stranger();
  await signIn(visitor, owner);

  await visitor.goBack();

  await visitor.sees('已登录账号');
  await page.getByText(owner.username).filter({ visible: true }).waitFor();
  await page.getByRole('button', { name: '登录', exact: true, disabled: false }).waitFor();
});

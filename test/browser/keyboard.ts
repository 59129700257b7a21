import { expect } from 'vitest';
import { latestCode } from './shop.js';
import { arrived } from './states.js';
import type { Visitor } from './visitor.js';

/** The name of the focused control, and whether one can see that it has the focus. */
const FOCUSED = `((control) => {
  const { outlineStyle, boxShadow } = getComputedStyle(control);
  const label = control.labels && control.labels[0];
  const name = control.getAttribute('aria-label') || (label || control).textContent;
  return { name: name.replace(/\\s+/g, ' ').trim(), visible: outlineStyle !== 'none' || boxShadow !== 'none' };
})(document.activeElement)`;

/** More controls than a page has. */
const MOST_STEPS = 60;

/** A visitor who has no mouse. */
export class Keyboard {
  constructor(private readonly visitor: Visitor) {}

  press(key: 'Enter' | 'Space' | 'ArrowDown' | 'ArrowUp'): Promise<void> {
    return this.visitor.page.keyboard.press(key);
  }

  type(text: string): Promise<void> {
    return this.visitor.page.keyboard.type(text);
  }

  /** Types and presses Enter. */
  async enter(text: string): Promise<void> {
    await this.type(text);
    await this.press('Enter');
  }

  /**
   * Presses Tab until the control whose name begins with this text has the focus.
   * @throws Error if Tab does not reach it, or if it does not show that it has the focus
   */
  async to(name: string): Promise<void> {
    for (let steps = 0; steps < MOST_STEPS; steps += 1) {
      await this.visitor.page.keyboard.press('Tab');
      const focused = await this.focused();
      if (!focused.name.startsWith(name)) continue;
      if (!focused.visible) throw new Error(`${name} does not show that it has the focus`);
      return;
    }
    throw new Error(`Tab does not reach ${name}`);
  }

  /** Goes to a button, a link or a folded part, and presses it. */
  async use(name: string): Promise<void> {
    await this.to(name);
    await this.press('Enter');
  }

  /** Waits until the control with this name has the focus. */
  async on(name: string): Promise<void> {
    await expect.poll(async () => (await this.focused()).name.slice(0, name.length)).toBe(name);
  }

  /** Copies the picture, whose field has the focus. Enter sends the SMS, whose code is then typed. */
  async passPicture(mobile: string): Promise<void> {
    await this.on('图形验证码');
    await this.enter(await this.visitor.readPicture());
    await this.on('短信验证码');
    await this.enter(latestCode(this.visitor.shop, mobile));
  }

  /** Logs in with a password, from the page for it. */
  async logIn(name: string, password: string): Promise<void> {
    await this.to('用户名或手机号');
    await this.enter(name);
    await this.on('密码');
    await this.enter(password);
    await arrived(this.visitor);
  }

  private focused(): Promise<{ name: string; visible: boolean }> {
    return this.visitor.page.evaluate(FOCUSED);
  }
}

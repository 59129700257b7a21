/** What the operator has set for the pages: brand, terms, human check. */

import { pageSettings } from './qq-login.js';

/** @type {import('./qq-login.js').PageSettings} */
let settings = {
  brand: '',
  logo_url: null,
  icp: null,
  support_url: null,
  terms_version: null,
  terms_url: null,
  privacy_url: null,
  human_check: ['picture'],
  qq_profile: false,
  sms_login: false,
};

/** Loads the settings from the page (`<meta name="page-settings">`), otherwise from the API. */
export async function loadSettings() {
  const meta = document.querySelector('meta[name="page-settings"]');
  const given = meta && meta.getAttribute('content');
  settings = { ...settings, ...(given ? JSON.parse(given) : await pageSettings()) };
}

export const currentSettings = () => settings;

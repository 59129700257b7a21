/**
 * The shop's tables as Django 1.11 creates them on MySQL (`sqlmigrate` of its user, oauth and address apps), with
 * MySQL's old `utf8`, and with another table that refers to the users.
 */
export const DJANGO_TABLES = [
  'CREATE TABLE `tb_users` (`id` integer AUTO_INCREMENT NOT NULL PRIMARY KEY, `password` varchar(128) NOT NULL, `last_login` datetime(6) NULL, `is_superuser` bool NOT NULL, `username` varchar(150) NOT NULL UNIQUE, `first_name` varchar(30) NOT NULL, `last_name` varchar(30) NOT NULL, `email` varchar(254) NOT NULL, `is_staff` bool NOT NULL, `is_active` bool NOT NULL, `date_joined` datetime(6) NOT NULL, `mobile` varchar(11) NOT NULL UNIQUE, `email_active` bool NOT NULL, `default_address_id` integer NULL)',
  'CREATE TABLE `tb_address` (`id` integer AUTO_INCREMENT NOT NULL PRIMARY KEY, `receiver` varchar(20) NOT NULL, `user_id` integer NOT NULL)',
  'ALTER TABLE `tb_address` ADD CONSTRAINT `tb_address_user_id_1e1ae8b9_fk_tb_users_id` FOREIGN KEY (`user_id`) REFERENCES `tb_users` (`id`)',
  'ALTER TABLE `tb_users` ADD CONSTRAINT `tb_users_default_address_id_2f6a4f2d_fk_tb_address_id` FOREIGN KEY (`default_address_id`) REFERENCES `tb_address` (`id`)',
  'CREATE TABLE `tb_oauth_qq` (`id` integer AUTO_INCREMENT NOT NULL PRIMARY KEY, `create_time` datetime(6) NOT NULL, `update_time` datetime(6) NOT NULL, `openid` varchar(64) NOT NULL, `user_id` integer NOT NULL)',
  'ALTER TABLE `tb_oauth_qq` ADD CONSTRAINT `tb_oauth_qq_user_id_56f4c4a6_fk_tb_users_id` FOREIGN KEY (`user_id`) REFERENCES `tb_users` (`id`)',
  'CREATE INDEX `tb_oauth_qq_369db21a` ON `tb_oauth_qq` (`openid`)',
];

/** Django's INSERT for a new account. */
export const djangoUser = (mobile: string) =>
  `INSERT INTO \`tb_users\` (\`password\`, \`last_login\`, \`is_superuser\`, \`username\`, \`first_name\`, \`last_name\`, \`email\`, \`is_staff\`, \`is_active\`, \`date_joined\`, \`mobile\`, \`email_active\`, \`default_address_id\`) VALUES ('pbkdf2_sha256$36000$abcdefghijkl$eNF3Dcx9vS/JBXQWYaYIiVEhB0lDv5ijhhkLwec084M=', NULL, 0, '${mobile}', '', '', '', 0, 1, '2018-05-06 07:08:09.123456', '${mobile}', 0, NULL)`;

/** Django's INSERT for a new binding. */
export const djangoBinding = (openid: string, userId: number) =>
  `INSERT INTO \`tb_oauth_qq\` (\`create_time\`, \`update_time\`, \`user_id\`, \`openid\`) VALUES ('2018-05-06 07:08:10.000001', '2018-05-06 07:08:10.000002', ${userId}, '${openid}')`;

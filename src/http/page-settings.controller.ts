import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProperty, ApiTags } from '@nestjs/swagger';
import { AnswersProblems } from '../common/problem.js';
import { Config, HUMAN_CHECKS } from '../config/config.js';

const optional = { nullable: true, type: String } as const;

/** The settings that the login pages need. Public, because none of them is secret. */
export class PageSettings {
  @ApiProperty({ example: '商城账号', description: '商城名称' }) readonly brand: string;
  @ApiProperty({ ...optional, example: '/logo.svg' }) readonly logo_url: string | null;
  @ApiProperty({ ...optional, example: '京ICP备00000000号-1', description: 'ICP备案号' })
  readonly icp: string | null;
  @ApiProperty({ ...optional, example: 'https://shop.example/help', description: '客服' })
  readonly support_url: string | null;
  @ApiProperty({ ...optional, example: '2026-11', description: '新账号须同意的协议版本' })
  readonly terms_version: string | null;
  @ApiProperty({ ...optional, example: 'https://shop.example/terms.html', description: '用户协议' })
  readonly terms_url: string | null;
  @ApiProperty({ ...optional, example: 'https://shop.example/privacy.html', description: '隐私政策' })
  readonly privacy_url: string | null;
  @ApiProperty({
    enum: HUMAN_CHECKS,
    isArray: true,
    example: ['altcha', 'picture'],
    description: '发短信前的人机验证，任选其一',
  })
  readonly human_check: (typeof HUMAN_CHECKS)[number][];
  @ApiProperty({ example: false, description: '回调时是否带昵称和头像' }) readonly qq_profile: boolean;
  @ApiProperty({ example: true, description: '是否可以用短信验证码登录' }) readonly sms_login: boolean = true;

  constructor(config: Config) {
    this.brand = config.BRAND_NAME;
    this.logo_url = config.BRAND_LOGO_URL ?? null;
    this.icp = config.ICP_NUMBER ?? null;
    this.support_url = config.SUPPORT_URL ?? null;
    this.terms_version = config.TERMS_VERSION ?? null;
    this.terms_url = config.TERMS_URL ?? null;
    this.privacy_url = config.PRIVACY_URL ?? null;
    this.human_check = config.HUMAN_CHECK;
    this.qq_profile = config.QQ_PROFILE;
  }
}

@ApiTags('页面')
@Controller('page_settings')
export class PageSettingsController {
  private readonly settings: PageSettings;

  constructor(config: Config) {
    this.settings = new PageSettings(config);
  }

  @Get()
  @ApiOperation({ summary: '页面设置', description: '页面的设置：品牌、协议、人机验证。' })
  @ApiOkResponse({ type: PageSettings })
  @AnswersProblems()
  read(): PageSettings {
    return this.settings;
  }
}

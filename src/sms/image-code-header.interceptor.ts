import { CallHandler, ExecutionContext, Injectable, NestInterceptor, StreamableFile } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { map, Observable } from 'rxjs';
import { Config } from '../config/config.js';
import { Picture } from './image-code.service.js';

/** Sends a picture as PNG. With `IMAGE_CODE_HEADER`, its text is sent too, in `X-Image-Code`. */
@Injectable()
export class ImageCodeHeader implements NestInterceptor<Picture, StreamableFile> {
  constructor(private readonly config: Config) {}

  intercept(context: ExecutionContext, next: CallHandler<Picture>): Observable<StreamableFile> {
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    return next.handle().pipe(
      map(({ text, png }) => {
        // For an `<img>` on a page of another origin of WEB_ORIGINS. Everything else is fetched with CORS.
        void reply.header('Cross-Origin-Resource-Policy', 'cross-origin');
        if (this.config.IMAGE_CODE_HEADER) void reply.header('X-Image-Code', text);
        return new StreamableFile(png, { type: 'image/png', length: png.length });
      }),
    );
  }
}

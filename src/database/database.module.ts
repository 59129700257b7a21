import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Config } from '../config/config.js';
import { createDataSource } from './data-source.js';
import { databaseOptions } from './database-options.js';
import { DatabaseReadiness } from './database-readiness.js';

/** MySQL, MariaDB or the embedded SQLite. Each module adds its own entities with `TypeOrmModule.forFeature`. */
@Module({
  imports: [
    TypeOrmModule.forRootAsync({
      inject: [Config],
      useFactory: databaseOptions,
      dataSourceFactory: createDataSource,
    }),
  ],
  providers: [DatabaseReadiness],
  exports: [DatabaseReadiness],
})
export class DatabaseModule {}

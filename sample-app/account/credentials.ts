import { ApiProperty } from '@nestjs/swagger';
import { Length } from 'class-validator';

export class Credentials {
  @ApiProperty({ minLength: 1, maxLength: 100, example: 'alice' })
  @Length(1, 100, { message: 'username must be a string of 1 to 100 characters' })
  username!: string;

  @ApiProperty({ minLength: 1, maxLength: 100, example: 'alice' })
  @Length(1, 100, { message: 'password must be a string of 1 to 100 characters' })
  password!: string;
}

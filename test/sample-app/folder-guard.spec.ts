import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { checkFolder } from '../../sample-app/files/folder-guard.js';
import { detailOfRejection } from './detail-of.js';
import { makeTempTree, removeTempTree } from './temp-tree.js';

describe('checkFolder', () => {
  let root = '';
  let outside = '';

  beforeAll(async () => {
    outside = await makeTempTree({ 'inner/file': '' });
    root = await makeTempTree({ 'a/b/file': '', '...': '', 'with space/file': '' });
    await symlink(outside, join(root, 'link-out'));
    await symlink(join(root, 'a'), join(root, 'link-in'));
    await symlink('nowhere', join(root, 'dangling'));
  });

  afterAll(async () => {
    await removeTempTree(root);
    await removeTempTree(outside);
  });

  it.each([
    ['', ''],
    ['.', ''],
    ['a', 'a'],
    ['a/b', 'a/b'],
    ['a/b/', 'a/b'],
    ['./a//b', 'a/b'],
    ['with space', 'with space'],
  ])('takes %j as %j', async (folder, plain) => {
    expect(await checkFolder(root, folder)).toBe(plain);
  });

  it.each([
    ['..', '".."'],
    ['a/../..', '".."'],
    ['a/../a', '".."'],
    ['../' + 'x', '".."'],
    ['/', 'relative'],
    ['/etc', 'relative'],
    ['//host/share', 'relative'],
    ['C:/Windows', 'relative'],
    ['c:', 'relative'],
    ['a\\..\\..', 'backslash'],
    ['a\0', 'NUL'],
    ['gone', 'does not exist'],
    ['a/gone', 'does not exist'],
    ['a/b/file/deeper', 'not a folder'],
    ['a/b/file', 'not a folder'],
    ['...', 'not a folder'],
    ['link-out', 'symbolic link'],
    ['link-out/inner', 'symbolic link'],
    ['link-in/b', 'symbolic link'],
    ['dangling', 'symbolic link'],
    ['x'.repeat(300), 'does not exist'],
  ])('refuses %j', async (folder, reason) => {
    expect(await detailOfRejection(checkFolder(root, folder))).toContain(reason);
  });
});

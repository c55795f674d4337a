let made = 0;

/** Numbers the objects of scoped classes as they are made, so that one sees who has one of their own and who shares. */
export function nextInstanceNumber(): number {
  made += 1;
  return made;
}

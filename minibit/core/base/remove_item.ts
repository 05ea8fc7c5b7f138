/** Takes `item` out of `items`, where it stands at most once; the order of the others stays. */
export function removeItem<T>(items: T[], item: T): void {
  const index = items.indexOf(item);
  if (index >= 0) {
    items.splice(index, 1);
  }
}

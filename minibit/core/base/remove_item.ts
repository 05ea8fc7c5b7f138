/** Removes `item` from `items`, which holds it at most once. The others keep their order. */
export function removeItem<T>(items: T[], item: T): void {
  const index = items.indexOf(item);
  if (index >= 0) {
    items.splice(index, 1);
  }
}

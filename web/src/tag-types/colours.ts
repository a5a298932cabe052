import type { Option } from '../ui/Fields';

export const noColour = 'none';

const colours: Option[] = [
  { value: '#6E7681', label: 'Grey' },
  { value: '#2F6FDE', label: 'Blue' },
  { value: '#1F8A5B', label: 'Green' },
  { value: '#B58900', label: 'Yellow' },
  { value: '#D2691E', label: 'Orange' },
  { value: '#C93A3A', label: 'Red' },
  { value: '#7C4DCC', label: 'Purple' },
  { value: '#C2418C', label: 'Pink' },
  { value: '#FFFFFF', label: 'White' },
];

/** With the colour that a type has already. One that was chosen can be changed, but the server takes none away. */
export function colourOptions(now?: string | null): Option[] {
  if (!now) return [{ value: noColour, label: 'None' }, ...colours];
  const isKnown = colours.some(({ value }) => value === now);
  return isKnown ? colours : [{ value: now, label: now }, ...colours];
}

export function colourName(colour: string): string {
  return colours.find(({ value }) => value === colour)?.label ?? colour;
}

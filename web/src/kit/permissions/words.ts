/** A permission's name as words: `CREATE_CLIENT_API_TOKEN` is "Create client API token". */
export function permissionWords(name: string): string {
  const words = name
    .toLowerCase()
    .replaceAll('_', ' ')
    .replace(/\bapi\b/, 'API')
    .replace(/\bcors\b/, 'CORS');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

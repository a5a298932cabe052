// Shows the published OpenAPI document: every operation with its parameters, body and answers.
const make = (tag, text, ...children) => {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  element.append(...children);
  return element;
};

fetch('openapi.json').then((answer) => answer.json()).then((api) => {
  const resolve = (schema, depth = 0) => {
    if (!schema || depth > 6) return schema;
    if (schema.$ref) return resolve(api.components.schemas[schema.$ref.split('/').pop()], depth + 1);
    if (schema.properties) {
      const properties = Object.entries(schema.properties).map(([name, part]) => [name, resolve(part, depth + 1)]);
      return { ...schema, properties: Object.fromEntries(properties) };
    }
    if (schema.items) return { ...schema, items: resolve(schema.items, depth + 1) };
    return schema;
  };
  const schemaOf = (part) => part?.content?.['application/json']?.schema;
  const block = (title, schema) => [make('h4', title), make('pre', JSON.stringify(resolve(schema), null, 2))];
  const operations = Object.entries(api.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method: method.toUpperCase(), ...operation })));
  const main = document.getElementById('operations');
  main.replaceChildren();
  for (const operation of operations) {
    const method = make('span', operation.method);
    method.className = 'method';
    const details = make('details', '', make('summary', '', method, make('code', operation.path), ` ${operation.summary ?? ''}`));
    details.dataset.text = `${operation.method} ${operation.path} ${operation.summary} ${operation.operationId} ${operation.tags}`.toLowerCase();
    details.addEventListener('toggle', () => {
      if (details.dataset.filled) return;
      details.dataset.filled = 'yes';
      const rows = (operation.parameters ?? []).map((p) => make('tr', '', make('td', '', make('code', p.name)), make('td', p.in), make('td', p.description)));
      if (rows.length) details.append(make('h4', 'Parameters'), make('table', '', ...rows));
      if (schemaOf(operation.requestBody)) details.append(...block('Body', schemaOf(operation.requestBody)));
      for (const [status, answer] of Object.entries(operation.responses)) {
        details.append(make('h4', `${status}: ${answer.description}`));
        if (status < 300 && schemaOf(answer)) details.append(make('pre', JSON.stringify(resolve(schemaOf(answer)), null, 2)));
      }
    });
    main.append(details);
  }
  document.getElementById('filter').addEventListener('input', (event) => {
    const words = event.target.value.toLowerCase().split(/\s+/);
    for (const details of main.children) details.hidden = !words.every((word) => details.dataset.text.includes(word));
  });
});

//! Reads known-differences.md and keeps count of which entries were needed.
import { readFileSync } from 'node:fs';
import { matches } from './compare.mjs';

/**
 * An entry is a `## id: title` heading, a reason in prose, and lines of the form
 * "- `scenario/step` `path`" in which `*` stands for anything.
 */
export function readKnown(file) {
    const entries = [];
    for (const [i, line] of readFileSync(file, 'utf8').split('\n').entries()) {
        const heading = /^## ([a-z0-9-]+): (.+)$/.exec(line);
        if (heading) {
            entries.push({ id: heading[1], title: heading[2], reason: '', rules: [] });
            continue;
        }
        const entry = entries.at(-1);
        if (!entry) continue;
        const rule = /^- `([^`]+)` `([^`]+)`$/.exec(line);
        if (rule) entry.rules.push({ step: rule[1], path: rule[2], line: i + 1, used: 0 });
        else if (/^- /.test(line)) throw new Error(`${file}:${i + 1}: expected "- \`scenario/step\` \`path\`"`);
        else entry.reason += line.trim();
    }
    for (const entry of entries) {
        if (entry.reason === '') throw new Error(`${file}: ${entry.id} has no reason`);
        if (entry.rules.length === 0) throw new Error(`${file}: ${entry.id} names no step`);
    }
    return entries;
}

/** Finds the entry that explains a difference and counts the use. */
export function explain(entries, step, path) {
    let found;
    for (const entry of entries) {
        for (const rule of entry.rules) {
            if (!matches(rule.step, step) || !matches(rule.path, path)) continue;
            rule.used += 1;
            found ??= entry;
        }
    }
    return found;
}

export const unused = (entries) =>
    entries.flatMap((entry) => entry.rules.filter((rule) => rule.used === 0).map((rule) => ({ entry, rule })));

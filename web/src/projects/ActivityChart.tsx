type Day = { date: string; count: number };

/** How many changes each day had: one column a day, the number on hover and in the table that screen readers read. */
export function ActivityChart({ days }: { days: Day[] }) {
  if (days.length === 0) return <p className="text-soft">Nothing has changed yet.</p>;
  const shown = filled(days);
  const most = Math.max(...shown.map(({ count }) => count));
  return (
    <>
      <div aria-hidden="true" className="flex h-24 items-end gap-px">
        {shown.map(({ date, count }) => (
          <span
            key={date}
            title={`${date}: ${count} changes`}
            className={count > 0 ? 'min-h-1 flex-1 rounded-t-xs bg-accent' : 'h-px flex-1 bg-line'}
            style={count > 0 ? { height: `${(count / most) * 100}%` } : undefined}
          />
        ))}
      </div>
      <p aria-hidden="true" className="mt-1 flex justify-between text-xs text-soft">
        <span>{shown[0]?.date}</span>
        <span>{shown.at(-1)?.date}</span>
      </p>
      <table className="sr-only">
        <caption>Changes by day</caption>
        <thead>
          <tr>
            <th>Day</th>
            <th>Changes</th>
          </tr>
        </thead>
        <tbody>
          {days.map(({ date, count }) => (
            <tr key={date}>
              <td>{date}</td>
              <td>{count}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

/** The last 60 days, also those on which nothing changed. */
function filled(days: Day[]): Day[] {
  const known = new Map(days.map(({ date, count }) => [date.slice(0, 10), count]));
  const today = Date.now();
  return Array.from({ length: 60 }, (_, back) => {
    const date = new Date(today - (59 - back) * 86_400_000).toISOString().slice(0, 10);
    return { date, count: known.get(date) ?? 0 };
  });
}

import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { Hour } from './exposure';

/** A change to the feature, drawn as a line where it happened. */
export type Mark = { at: number; text: string };

/** How often SDKs gave the feature and how often not, hour by hour, with the changes to it. */
export default function ExposurePlot({ hours, marks, label }: { hours: Hour[]; marks: Mark[]; label: string }) {
  const place = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const element = place.current;
    if (!element) return;
    // A canvas knows no CSS variables: the browser resolves them on an element.
    const resolved = (name: string) => {
      element.style.color = `var(${name})`;
      const found = getComputedStyle(element).color;
      element.style.color = '';
      return found;
    };
    const [yes, no, ink, line, accent] = ['--c-good', '--c-line-strong', '--c-soft', '--c-line', '--c-accent'].map(
      resolved,
    );
    const axis = {
      stroke: ink ?? '',
      grid: { stroke: line ?? '', width: 1 },
      ticks: { stroke: line ?? '', width: 1 },
      font: '12px system-ui',
    };
    const plot = new uPlot(
      {
        width: element.clientWidth,
        height: 260,
        axes: [axis, { ...axis, size: 60, values: (_, splits) => splits.map((value) => value.toLocaleString('en')) }],
        series: [
          {},
          { label: 'gave it', stroke: yes ?? '', width: 2, points: { show: hours.length < 60 } },
          { label: 'did not', stroke: no ?? '', width: 2, dash: [4, 3], points: { show: false } },
        ],
        hooks: {
          draw: [
            (drawn) => {
              const { ctx, bbox } = drawn;
              ctx.save();
              ctx.strokeStyle = accent ?? '';
              ctx.setLineDash([2, 2]);
              for (const { at } of marks) {
                const x = Math.round(drawn.valToPos(at / 1000, 'x', true));
                if (x < bbox.left || x > bbox.left + bbox.width) continue;
                ctx.beginPath();
                ctx.moveTo(x, bbox.top);
                ctx.lineTo(x, bbox.top + bbox.height);
                ctx.stroke();
              }
              ctx.restore();
            },
          ],
        },
      },
      [hours.map(({ at }) => at / 1000), hours.map(({ yes }) => yes), hours.map(({ no }) => no)],
      element,
    );
    const watcher = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: 260 }));
    watcher.observe(element);
    return () => {
      watcher.disconnect();
      plot.destroy();
    };
  }, [hours, marks]);

  return <div ref={place} role="img" aria-label={label} className="min-h-[300px] w-full" />;
}

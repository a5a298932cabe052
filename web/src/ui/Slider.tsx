import { Slider as AriaSlider, SliderThumb, SliderTrack } from 'react-aria-components';
import { NumberField } from './Fields';

/** A share in whole percent: a handle to drag, and the exact number to type. */
export function PercentSlider(props: {
  label: string;
  value: number;
  onChange: (value: number) => void;
  disabled?: boolean;
}) {
  const { label, value, onChange, disabled = false } = props;
  return (
    <div className="flex items-center gap-4">
      <AriaSlider
        aria-label={label}
        value={value}
        onChange={onChange}
        minValue={0}
        maxValue={100}
        step={1}
        isDisabled={disabled}
        className="flex-1"
      >
        <SliderTrack className="relative flex h-6 w-full items-center">
          {({ state }) => (
            <>
              <div className="h-1.5 w-full rounded-full bg-sunken" />
              <div
                className="absolute h-1.5 rounded-full bg-accent"
                style={{ width: `${state.getThumbPercent(0) * 100}%` }}
              />
              <SliderThumb className="top-1/2 size-4.5 rounded-full border-2 border-accent bg-surface data-dragging:bg-accent-wash data-focus-visible:outline-2 data-focus-visible:outline-offset-2 data-focus-visible:outline-accent" />
            </>
          )}
        </SliderTrack>
      </AriaSlider>
      <NumberField
        label={`${label} in percent`}
        hideLabel
        value={value}
        min={0}
        max={100}
        unit="%"
        className="w-24"
        disabled={disabled}
        onChange={(next) => onChange(Number.isFinite(next) ? next : 0)}
      />
    </div>
  );
}

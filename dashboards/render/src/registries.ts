// What Grafana registers at its start: field options, transformations, matchers.
import {
  FieldConfigOptionsRegistry,
  standardFieldConfigEditorRegistry,
  standardTransformers,
  standardTransformersRegistry,
} from '@grafana/data';

const STANDARD = ['unit', 'min', 'max', 'decimals', 'displayName', 'noValue', 'thresholds', 'mappings', 'color', 'links'];
const CUSTOM = [
  ...['drawStyle', 'lineInterpolation', 'lineWidth', 'lineStyle', 'fillOpacity', 'gradientMode', 'showPoints', 'spanNulls'],
  ...['stacking', 'axisPlacement', 'thresholdsStyle', 'align', 'cellOptions', 'inspect', 'width', 'minWidth'],
];

const option = (id: string, isCustom: boolean): any => ({
  id: isCustom ? `custom.${id}` : id,
  path: id,
  name: id,
  description: '',
  isCustom,
  settings: {},
  process: (value: unknown) => value,
  shouldApply: () => true,
  editor: () => null,
  override: () => null,
});

export const fieldOptions = new FieldConfigOptionsRegistry(() => [
  ...STANDARD.map((id) => option(id, false)),
  ...CUSTOM.map((id) => option(id, true)),
]);

export function register(): void {
  standardFieldConfigEditorRegistry.setInit(() => STANDARD.map((id) => option(id, false)));
  const transformations = new Map(Object.values(standardTransformers).map((one: any) => [one.id, one]));
  standardTransformersRegistry.setInit(() =>
    [...transformations.values()].map((transformation) => ({
      id: transformation.id,
      name: transformation.name,
      transformation: () => Promise.resolve(transformation),
      editor: () => null,
      imageDark: '',
      imageLight: '',
    }))
  );
}

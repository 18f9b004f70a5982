// What a dashboard of ours must be, in the types of @grafana/schema: `... satisfies Checked` in a generated file.
import type { Dashboard, DataSourceRef, Panel, RowPanel, VariableModel } from '@grafana/schema';
import type { Options as StatOptions } from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type { Options as TableOptions } from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type { Options as TextOptions } from '@grafana/schema/dist/esm/raw/composable/text/panelcfg/x/TextPanelCfg_types.gen';
import type {
  FieldConfig as Lines,
  Options as TimeSeriesOptions,
} from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

/** The JSON form of a type: the members of an enumeration are their values. */
type Json<T> = T extends string
  ? `${T}`
  : T extends Array<infer Item>
    ? Array<Json<Item>>
    : T extends object
      ? { [Key in keyof T]: Json<T[Key]> }
      : T;

interface Query {
  refId: string;
  datasource: DataSourceRef;
  expr: string;
  legendFormat: string;
  format: 'time_series' | 'table';
  instant: boolean;
  range: boolean;
  exemplar: boolean;
}

type Base = Omit<Json<Panel>, 'type' | 'options' | 'targets' | 'fieldConfig'> & { title: string; description: string };
type FieldConfig<Custom> = NonNullable<Json<Panel>['fieldConfig']> & { defaults: { custom?: Json<Custom> } };

type Drawn =
  | { type: 'stat'; options: Partial<Json<StatOptions>>; targets: Query[]; fieldConfig: FieldConfig<object> }
  | { type: 'table'; options: Partial<Json<TableOptions>>; targets: Query[]; fieldConfig: FieldConfig<object> }
  | { type: 'timeseries'; options: Json<TimeSeriesOptions>; targets: Query[]; fieldConfig: FieldConfig<Lines> }
  | { type: 'text'; options: Json<TextOptions> };

type Annotation = NonNullable<NonNullable<Json<Dashboard>['annotations']>['list']>[number];

export type Checked = Omit<Json<Dashboard>, 'panels' | 'annotations' | 'templating'> & {
  uid: string;
  title: string;
  panels: Array<Json<RowPanel> | (Base & Drawn)>;
  annotations: { list: Array<Annotation & { expr: string; step: string; titleFormat: string; textFormat: string }> };
  templating: { list: Array<Json<VariableModel>> };
};

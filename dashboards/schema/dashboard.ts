/**
 * The dashboards that we make, in the words of Grafana's own packages: what each kind of panel may hold is taken from
 * its schema there, so that a key or a value that this Grafana does not know is found.
 *
 * Grafana's type of a dashboard leaves options, field configuration and queries of panels open; here they are closed.
 */
import type * as dashboard from 'schema/raw/dashboard/x/types.gen';
import type * as heatmap from 'schema/raw/composable/heatmap/panelcfg/x/types.gen';
import type * as stat from 'schema/raw/composable/stat/panelcfg/x/types.gen';
import type * as statetimeline from 'schema/raw/composable/statetimeline/panelcfg/x/types.gen';
import type * as table from 'schema/raw/composable/table/panelcfg/x/types.gen';
import type * as timeseries from 'schema/raw/composable/timeseries/panelcfg/x/types.gen';
import type { PromQuery } from 'prometheus/types';

type Source = { type: 'prometheus'; uid: 'workbench-prometheus' };

/** Scopes and filters belong to Grafana Cloud and are left out. */
type Query = {
  datasource: Source;
  refId: PromQuery['refId'];
  expr: PromQuery['expr'];
  format: 'time_series' | 'table' | 'heatmap';
  range: boolean;
  instant: boolean;
  legendFormat?: PromQuery['legendFormat'];
  exemplar?: PromQuery['exemplar'];
  interval?: PromQuery['interval'];
};

type Panel<Type extends string, Options, Custom> = Omit<
  dashboard.Panel,
  'type' | 'options' | 'fieldConfig' | 'targets' | 'datasource' | 'id' | 'title' | 'gridPos'
> & {
  type: Type;
  id: number;
  title: string;
  gridPos: dashboard.GridPos;
  datasource: Source;
  options: Options;
  fieldConfig: Omit<dashboard.FieldConfigSource, 'defaults'> & {
    defaults: Omit<dashboard.FieldConfig, 'custom'> & { custom?: Custom };
  };
  targets: Query[];
};

type AnyPanel =
  | Panel<'timeseries', timeseries.Options, timeseries.FieldConfig>
  | Panel<'state-timeline', statetimeline.Options, statetimeline.FieldConfig>
  | Panel<'stat', stat.Options, {}>
  | Panel<'table', table.Options, table.FieldConfig>
  | Panel<'heatmap', heatmap.Options, heatmap.FieldConfig>
  | (Omit<dashboard.RowPanel, 'panels'> & { panels: [] });

/** The four keys besides a query are those that annotations.ts of @grafana/prometheus reads. */
type MetricAnnotation = Omit<dashboard.AnnotationQuery, 'target' | 'datasource'> & {
  datasource: Source;
  target: Query;
  titleFormat?: string;
  textFormat?: string;
  tagKeys?: string;
  useValueForTime?: boolean;
};

type NotedAnnotation = Omit<dashboard.AnnotationQuery, 'datasource' | 'target'> & {
  datasource: { type: 'grafana'; uid: '-- Grafana --' };
  target: dashboard.AnnotationTarget;
};

export type Dashboard = Omit<dashboard.Dashboard, 'panels' | 'annotations' | 'uid' | 'title' | 'schemaVersion'> & {
  uid: string;
  title: string;
  schemaVersion: 42;
  panels: AnyPanel[];
  annotations: { list: Array<MetricAnnotation | NotedAnnotation> };
};

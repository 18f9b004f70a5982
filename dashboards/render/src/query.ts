// What Grafana's Prometheus data source does: queries out, data frames in.
import { type DataFrame, FieldType, toDataFrame } from '@grafana/data';

export interface Target {
  refId: string;
  expr: string;
  legendFormat: string;
  format: string;
  instant: boolean;
}

export interface Present {
  prometheus: string;
  from: number;
  to: number;
  /** Choices in the variables at the top. */
  selected: Record<string, string>;
}

interface Series {
  metric: Record<string, string>;
  value?: [number, string];
  values?: Array<[number, string]>;
}

/** Everything is selected, but for what a drawing says. */
const ALL: Record<string, string> = { provider: '.*', model: '.*', workload: '.*', __rate_interval: '4m' };

export async function frames(targets: Target[], present: Present): Promise<DataFrame[]> {
  const answers = await Promise.all(targets.map((target) => ask(target, present)));
  const tables = answers.filter((series, index) => targets[index].format === 'table' && series.length > 0).length;
  return targets.flatMap((target, index) =>
    target.format === 'table' ? asTable(target, answers[index], tables) : asLines(target, answers[index])
  );
}

async function ask({ expr, instant }: Target, { prometheus, from, to, selected }: Present): Promise<Series[]> {
  const values: Record<string, string> = { ...ALL, __range: `${to - from}s`, ...selected };
  const query = expr.replace(/\$(\w+)/g, (text, name: string) => values[name] ?? text);
  const time: Record<string, string> = instant ? { time: `${to}` } : { start: `${from}`, end: `${to}`, step: '60' };
  const response = await fetch(`${prometheus}/api/v1/${instant ? 'query' : 'query_range'}`, {
    method: 'POST',
    body: new URLSearchParams({ query, ...time }),
  });
  const answer = await response.json();
  if (answer.status !== 'success') {
    throw new Error(`${answer.error} in ${query}`);
  }
  return answer.data.result;
}

function asLines(target: Target, series: Series[]): DataFrame[] {
  return series.map(({ metric, value, values }) => {
    const points = values ?? [value!];
    const name = target.legendFormat.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label: string) => metric[label] ?? '');
    return toDataFrame({
      refId: target.refId,
      fields: [
        { name: 'Time', type: FieldType.time, values: points.map(([at]) => at * 1000) },
        {
          name: 'Value',
          type: FieldType.number,
          labels: metric,
          values: points.map(([, number]) => Number(number)),
          config: { displayNameFromDS: name || undefined },
        },
      ],
    });
  });
}

function asTable(target: Target, series: Series[], tables: number): DataFrame[] {
  if (series.length === 0) {
    return [];
  }
  const labels = [...new Set(series.flatMap(({ metric }) => Object.keys(metric)))];
  return [
    toDataFrame({
      refId: target.refId,
      fields: [
        { name: 'Time', type: FieldType.time, values: series.map(({ value }) => value![0] * 1000) },
        ...labels.map((label) => ({
          name: label,
          type: FieldType.string,
          values: series.map(({ metric }) => metric[label] ?? ''),
        })),
        {
          name: tables > 1 ? `Value #${target.refId}` : 'Value',
          type: FieldType.number,
          values: series.map(({ value }) => Number(value![1])),
        },
      ],
    }),
  ];
}

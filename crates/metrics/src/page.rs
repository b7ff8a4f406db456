//! Values under names, as the encoder of Prometheus wants them.

use std::fmt;

use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

/// What a metric is called and what it says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name {
    /// Without its unit and without `_total`, which the encoder adds.
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) unit: Option<&'static Unit>,
}

impl Name {
    pub(crate) const fn new(name: &'static str, help: &'static str) -> Name {
        Name { name, help, unit: None }
    }

    pub(crate) const fn bytes(name: &'static str, help: &'static str) -> Name {
        Name { name, help, unit: Some(&Unit::Bytes) }
    }

    pub(crate) const fn seconds(name: &'static str, help: &'static str) -> Name {
        Name { name, help, unit: Some(&Unit::Seconds) }
    }
}

/// A page of metrics that is being written.
pub(crate) struct Page<'e>(pub(crate) DescriptorEncoder<'e>);

impl Page<'_> {
    fn begin(&mut self, name: Name, kind: MetricType) -> Result<MetricEncoder<'_>, fmt::Error> {
        self.0.encode_descriptor(name.name, name.help, name.unit, kind)
    }

    pub(crate) fn counter(&mut self, name: Name, value: u64) -> fmt::Result {
        self.begin(name, MetricType::Counter)?.encode_counter::<NoLabelSet, _, u64>(&value, None)
    }

    pub(crate) fn gauge(&mut self, name: Name, value: u64) -> fmt::Result {
        self.begin(name, MetricType::Gauge)?.encode_gauge(&value)
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn counter_of_parts(&mut self, name: Name, value: f64) -> fmt::Result {
        self.begin(name, MetricType::Counter)?.encode_counter::<NoLabelSet, _, u64>(&value, None)
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn gauge_of_parts(&mut self, name: Name, value: f64) -> fmt::Result {
        self.begin(name, MetricType::Gauge)?.encode_gauge(&value)
    }

    /// A counter for each value of a label.
    pub(crate) fn counters<'v>(
        &mut self,
        name: Name,
        label: &str,
        values: impl IntoIterator<Item = &'v (&'static str, u64)>,
    ) -> fmt::Result {
        let mut metric = self.begin(name, MetricType::Counter)?;
        for (value, count) in values {
            metric.encode_family(&[(label, *value)])?.encode_counter::<NoLabelSet, _, u64>(count, None)?;
        }
        Ok(())
    }

    /// A counter for each pair of values of two labels.
    pub(crate) fn counters_of_two<'v>(
        &mut self,
        name: Name,
        labels: [&str; 2],
        values: impl IntoIterator<Item = ([&'v str; 2], u64)>,
    ) -> fmt::Result {
        let mut metric = self.begin(name, MetricType::Counter)?;
        for ([first, second], count) in values {
            let labels = [(labels[0], first), (labels[1], second)];
            metric.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
        Ok(())
    }

    /// A gauge for each value of a label.
    pub(crate) fn gauges<'v>(
        &mut self,
        name: Name,
        label: &str,
        values: impl IntoIterator<Item = (&'v str, u64)>,
    ) -> fmt::Result {
        let mut metric = self.begin(name, MetricType::Gauge)?;
        for (value, count) in values {
            metric.encode_family(&[(label, value)])?.encode_gauge(&count)?;
        }
        Ok(())
    }

    /// Counts by upper bound, those of a smaller bound not included; the last has none.
    pub(crate) fn histogram(&mut self, name: Name, sum: u64, bounds: &[u64], counts: &[u64]) -> fmt::Result {
        let bounds = bounds.iter().map(|bound| *bound as f64).chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = bounds.zip(counts.iter().copied()).collect();
        let mut metric = self.begin(name, MetricType::Histogram)?;
        metric.encode_histogram::<NoLabelSet>(sum as f64, counts.iter().sum(), &buckets, None)
    }
}

using System.Diagnostics.Metrics;

using EnvPlatform.Scanner.Advisories;
using EnvPlatform.ServiceDefaults;

namespace EnvPlatform.Scanner;

/// <summary>The metrics of the scanner.</summary>
public sealed class ScannerMetrics
{
    private static readonly Counter<long> ScanCounter =
        Telemetry.Meter.CreateCounter<long>("envplatform.scanner.scans", "{environment}", "Environments scanned.");

    private static readonly Counter<long> MatchCounter =
        Telemetry.Meter.CreateCounter<long>("envplatform.scanner.packages_matched", "{package}", "Packages matched to the advisories.");

    private static readonly Counter<long> RecountCounter =
        Telemetry.Meter.CreateCounter<long>(
            "envplatform.scanner.sets_recounted", "{set}", "Package sets whose vulnerabilities were counted again.");

    public ScannerMetrics(CurrentIndex index, TimeProvider clock)
    {
        ArgumentNullException.ThrowIfNull(index);
        Telemetry.Meter.CreateObservableGauge(
            "envplatform.scanner.index.advisories", () => index.Current?.Index.Advisories ?? 0, "{advisory}", "Advisories in memory.");
        Telemetry.Meter.CreateObservableGauge(
            "envplatform.scanner.index.generation", () => index.Current?.Generation ?? 0,
            description: "Generation of the advisories in memory.");
        Telemetry.Meter.CreateObservableGauge(
            "envplatform.scanner.index.age",
            () => index.Current is { } current ? (clock.GetUtcNow() - current.LoadedAt).TotalSeconds : 0, "s",
            "Since the advisories in memory were loaded.");
    }

    public void Scanned(int environments) => ScanCounter.Add(environments);

    public void Matched(int packages) => MatchCounter.Add(packages);

    public void Recounted(int sets) => RecountCounter.Add(sets);
}

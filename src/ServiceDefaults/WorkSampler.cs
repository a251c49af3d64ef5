using System.Diagnostics;

using OpenTelemetry.Trace;

namespace EnvPlatform.ServiceDefaults;

/// <summary>
/// Samples the traces that begin here: those of requests, messages and work are recorded, those of polling for work are not. A loop that
/// polls its table or its peers would fill the list of traces and hide real activity.
/// </summary>
internal sealed class WorkSampler : Sampler
{
    /// <summary>YARP's health checks of the destinations of all clusters.</summary>
    private const string GatewayProbes = "proxy.cluster_health_checks";

    public override SamplingResult ShouldSample(in SamplingParameters samplingParameters) =>
        samplingParameters.Kind == ActivityKind.Client || samplingParameters.Name == GatewayProbes
            ? new SamplingResult(SamplingDecision.Drop)
            : new SamplingResult(SamplingDecision.RecordAndSample);
}

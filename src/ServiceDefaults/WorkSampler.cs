using System.Diagnostics;

using OpenTelemetry.Trace;

namespace EnvPlatform.ServiceDefaults;

/// <summary>
/// Decides on traces that begin here: those of requests, messages and work are recorded; those of looking whether there is any are not.
/// A loop that polls its table or its neighbours would fill the list of traces by itself, and hide in it what somebody did.
/// </summary>
internal sealed class WorkSampler : Sampler
{
    /// <summary>YARP's round over the destinations of all clusters.</summary>
    private const string GatewayProbes = "proxy.cluster_health_checks";

    public override SamplingResult ShouldSample(in SamplingParameters samplingParameters) =>
        samplingParameters.Kind == ActivityKind.Client || samplingParameters.Name == GatewayProbes
            ? new SamplingResult(SamplingDecision.Drop)
            : new SamplingResult(SamplingDecision.RecordAndSample);
}

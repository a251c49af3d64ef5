using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace EnvPlatform.AppHost.Commands;

internal static class CommandStates
{
    /// <summary>Enabled while the resource can answer.</summary>
    public static ResourceCommandState WhileHealthy(CustomResourceSnapshot resource) =>
        resource.HealthStatus == HealthStatus.Healthy ? ResourceCommandState.Enabled : ResourceCommandState.Disabled;
}

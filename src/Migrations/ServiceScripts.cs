using System.Reflection;

using EnvPlatform.Postgres;
using EnvPlatform.Postgres.Setup;

namespace EnvPlatform.Migrations;

/// <summary>The scripts of all services, embedded as <c>SERVICE/Migrations/NNNN_name.sql</c> and <c>SERVICE/Rights.sql</c>.</summary>
internal static class ServiceScripts
{
    private static readonly Assembly Own = typeof(ServiceScripts).Assembly;

    /// <summary>The names of the services that have a database, which is also what that and its role are called.</summary>
    public static IReadOnlyList<string> Services { get; } =
    [
        .. Own.GetManifestResourceNames().Select(name => name.Split('/')).Where(parts => parts is [_, "Migrations", _])
            .Select(parts => parts[0].ToLowerInvariant()).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)
    ];

    public static ServiceDatabase DatabaseOf(string service, string password)
    {
        var project = Own.GetManifestResourceNames().Select(name => name.Split('/')[0])
            .First(name => string.Equals(name, service, StringComparison.OrdinalIgnoreCase));
        return new(
            service, service, password, MigrationScript.Of(Own, $"{project}/Migrations/", $"EnvPlatform.{project}"),
            ServiceDatabase.RightsIn(Own, $"{project}/Rights.sql"));
    }
}

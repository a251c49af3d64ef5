using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Testing;

/// <summary>The secrets of services in tests: a different one for each pair of services, as in a real platform.</summary>
public static class TestKeys
{
    private static readonly string[] Services = ["gateway", "identity", "ingest", "scanner", "policy", "audit", "tests"];

    /// <summary>The key for calls of one service to another.</summary>
    public static CallKey Of(string caller, string callee) => new(caller, callee, Secret(caller, callee));

    /// <summary>The settings of a service that every other may call, and that may call every other.</summary>
    public static IEnumerable<KeyValuePair<string, string?>> SettingsOf(string service) =>
        Services.SelectMany(other => new KeyValuePair<string, string?>[]
        {
            new($"IncomingKeys:{other}", Secret(other, service)), new($"OutgoingKeys:{other}", Secret(service, other)),
        }).Append(new("SERVICE_SECRET", Secret(service, "itself")));

    private static string Secret(string caller, string callee) => $"{caller}-{callee}-tests-tests-tests-tests-tests-tests";
}

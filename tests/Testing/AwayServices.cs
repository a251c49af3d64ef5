namespace EnvPlatform.Testing;

/// <summary>Settings with which other services are unavailable: addresses where nothing listens.</summary>
public static class AwayServices
{
    /// <summary>The port of the discard protocol (RFC 863), which nothing serves any more.</summary>
    public const string Address = "http://127.0.0.1:9";

    public static Dictionary<string, string?> Settings(params string[] services) =>
        services.ToDictionary(service => $"services:{service}:grpc:0", _ => (string?)Address, StringComparer.Ordinal);
}

using System.Text.Json;

using EnvPlatform.Contracts.Packages;
using EnvPlatform.Testing;

namespace EnvPlatform.EndToEnd.Tests;

/// <summary>One of the real environments, and the request that logs it.</summary>
internal sealed record RealEnvironment(string Id, string Name, string Platform, IReadOnlyList<PackageKey> Packages)
{
    public string Prefix => $"/opt/envs/{Id}";

    public object ToLog(Guid machineId, string? command = null, bool digestOnly = false) => new
    {
        machine_id = machineId,
        prefix = Prefix,
        name = Name,
        platform = Platform,
        command,
        digest = PackageSetDigest.Compute(Packages),
        packages = digestOnly ? null : Packages.Select(package => new
        {
            manager = package.Manager,
            name = package.Name,
            version = package.Version,
            build = package.Build,
            subdir = package.Subdir,
            channel = package.Channel,
        }),
    };
}

internal static class RealEnvironments
{
    public static List<RealEnvironment> Read() =>
        [
            .. File.ReadLines(TestData.File("environments", "environments.jsonl")).Select(line => JsonDocument.Parse(line).RootElement)
                .Select(Read)
        ];

    private static RealEnvironment Read(JsonElement row) =>
        new(Text(row, "id"), Text(row, "name") is { Length: > 0 } name ? name : Text(row, "id"),
            Text(row, "platform") is { Length: > 0 } platform ? platform : "linux-64",
            [.. row.GetProperty("packages").EnumerateArray().Select(ReadPackage).Where(package => package.Version.Length > 0).Distinct()]);

    private static PackageKey ReadPackage(JsonElement package) =>
        new(Text(package, "manager") == "pip" ? "pypi" : "conda", Text(package, "channel"), Text(package, "subdir"), Text(package, "name"),
            Text(package, "version"), Text(package, "build"));

    private static string Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) ? value.GetString() ?? "" : "";
}

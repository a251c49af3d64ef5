using System.Text.Json;
using System.Text.Json.Nodes;

namespace EnvPlatform.Scanner.Service.Tests;

/// <summary>Channels that tests make: a few packages in a <c>repodata.json</c> as conda-index writes it.</summary>
internal static class Channels
{
    public static ChannelPackage Package(
        string name, string version, string build, string[]? depends = null, string[]? constrains = null, int number = 0) =>
        new(name, version, build, number, depends ?? [], constrains ?? []);

    public static byte[] Repodata(string? subdir, params ChannelPackage[] packages)
    {
        var entries = new JsonObject();
        foreach (var package in packages)
        {
            entries[$"{package.Name}-{package.Version}-{package.Build}.conda"] = new JsonObject
            {
                ["name"] = package.Name,
                ["version"] = package.Version,
                ["build"] = package.Build,
                ["build_number"] = package.Number,
                ["depends"] = new JsonArray([.. package.Depends.Select(spec => (JsonNode)spec)]),
                ["constrains"] = new JsonArray([.. package.Constrains.Select(spec => (JsonNode)spec)]),
                ["subdir"] = subdir ?? "linux-64",
                ["md5"] = new string('0', 32),
                ["sha256"] = new string('0', 64),
                ["size"] = 1,
            };
        }

        return JsonSerializer.SerializeToUtf8Bytes(new JsonObject
        {
            ["info"] = subdir is null ? new JsonObject() : new JsonObject { ["subdir"] = subdir },
            ["packages"] = new JsonObject(),
            ["packages.conda"] = entries,
            ["removed"] = new JsonArray(),
            ["repodata_version"] = 1,
        });
    }
}

/// <summary>A package of a channel that a test makes.</summary>
internal sealed record ChannelPackage(string Name, string Version, string Build, int Number, string[] Depends, string[] Constrains);

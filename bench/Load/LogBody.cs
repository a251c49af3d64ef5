using System.Text.Json;

using EnvPlatform.Contracts.Packages;

namespace EnvPlatform.Bench.Load;

/// <summary>The body of an environment log.</summary>
internal static class LogBody
{
    public static byte[] Of(Guid machine, string prefix, string name, PackageKey[] packages, bool digestOnly) =>
        JsonSerializer.SerializeToUtf8Bytes(new
        {
            machine_id = machine,
            prefix,
            name,
            platform = "linux-64",
            command = "conda install something",
            digest = PackageSetDigest.Compute(packages),
            packages = digestOnly ? null : packages.Select(package => new
            {
                manager = package.Manager,
                name = package.Name,
                version = package.Version,
                build = package.Build,
                subdir = package.Subdir,
                channel = package.Channel,
            }),
        });
}

using System.IO.Compression;
using System.Net.Http.Headers;
using System.Text.Json;

using EnvPlatform.Agent.Collectors;
using EnvPlatform.Contracts.Packages;

namespace EnvPlatform.Agent.Client;

/// <summary>Sends an environment log.</summary>
internal static class EnvironmentLogging
{
    /// <summary>The code of the answer to a digest that the organization has not logged before.</summary>
    private const string PackagesRequired = "packages_required";

    private const int MostIncomplete = 1_000;

    /// <summary>Characters of a command that the platform keeps.</summary>
    private const int LongestCommand = 16_000;

    /// <summary>Sends the digest alone; then the packages, compressed, only where the platform requests them.</summary>
    public static Task<PlatformAnswer> SendAsync(
        Session session, CollectedEnvironment environment, string platform, string? command, CancellationToken ct)
    {
        var digest = PackageSetDigest.Compute(environment.Packages.Select(package => package.Key()));
        if (command?.Length > LongestCommand)
        {
            command = command[..LongestCommand];
        }

        // Agents that did not resolve links logged it under the path as it was typed.
        var prefix = RealPath.Of(environment.Prefix);
        return Machine.WithRegistrationAsync(session, async () =>
        {
            // The registration may have given the machine another id.
            var brief = new EnvironmentLog(
                Machine.IdOf(session), prefix, environment.Name, platform, command, digest, Packages: null, IncompleteOf(environment),
                prefix == environment.Prefix ? null : environment.Prefix);
            try
            {
                return await PostAsync(session, brief, ct);
            }
            catch (RefusedException refused) when (refused.Code == PackagesRequired)
            {
                return await PostAsync(session, brief with { Packages = environment.Packages }, ct);
            }
        }, ct);
    }

    /// <summary>As many entries as the platform takes; the last one then says how many more there are.</summary>
    private static IncompleteEntry[] IncompleteOf(CollectedEnvironment environment)
    {
        var all = environment.NotExact;
        var sent = all.Select(open => new IncompleteEntry(open.ShortSpec(), open.Reason));
        return all.Count <= MostIncomplete
            ? [.. sent]
            : [.. sent.Take(MostIncomplete - 1), new IncompleteEntry($"{all.Count - MostIncomplete + 1} more", "more")];
    }

    private static Task<PlatformAnswer> PostAsync(Session session, EnvironmentLog log, CancellationToken ct)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(log, AgentJson.Default.EnvironmentLog);
        return session.Client.WriteAsync(
            HttpMethod.Post, session.Path("environment-logs"), () => JsonBody.Of(body), CallOptions.Repeatable, ct);
    }
}

/// <summary>JSON as a request's body; longer ones are compressed.</summary>
internal static class JsonBody
{
    private const int CompressFrom = 4_096;

    public static HttpContent Of(byte[] utf8)
    {
        var content = new ByteArrayContent(utf8.Length < CompressFrom ? utf8 : Compressed(utf8));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json", "utf-8");
        if (utf8.Length >= CompressFrom)
        {
            content.Headers.ContentEncoding.Add("gzip");
        }

        return content;
    }

    private static byte[] Compressed(byte[] utf8)
    {
        using var buffer = new MemoryStream();
        using (var gzip = new GZipStream(buffer, CompressionLevel.Fastest))
        {
            gzip.Write(utf8);
        }

        return buffer.ToArray();
    }
}

using System.Text.Json;

using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Service.Tests;

/// <summary>rattler, the solver of pixi, on channels over HTTP: what a proposed command comes to, decided by somebody else.</summary>
internal static class CondaSolver
{
    private static readonly NodeScript Solve = new("Scanner.Service.Tests/Solver", "solve.js");

    /// <summary>Solves requests, each by itself.</summary>
    /// <returns>For each the packages, or the error.</returns>
    public static async Task<(Solved[]? Packages, string? Error)[]> SolveAsync(params (string Channel, string[] Specs)[] requests)
    {
        var lines = await Solve.RunAsync(string.Join('\n', requests.Select(request => JsonSerializer.Serialize(
            new { channels = new[] { request.Channel }, specs = request.Specs, platform = "linux-64" }))));
        return [.. lines.Split('\n').Select(line =>
        {
            var answer = JsonDocument.Parse(line).RootElement;
            return answer.TryGetProperty("error", out var error)
                ? ((Solved[]?)null, error.GetString())
                : (answer.GetProperty("packages").Deserialize<Solved[]>(JsonSerializerOptions.Web), null);
        })];
    }

    internal sealed record Solved(string Name, string Version, string Build);
}

using System.ComponentModel;
using System.Diagnostics;

namespace EnvPlatform.Scanner.Service.Tests.Curations;

/// <summary>
/// The published JSON schema of CycloneDX 1.6, with every format that it names, as the npm package of CycloneDX's own library holds it.
/// </summary>
internal static class CycloneDxSchema
{
    private static readonly Lazy<Task<string>> Folder = new(InstallAsync);

    /// <returns>What is wrong with a document; <c>null</c> in JSON for nothing.</returns>
    public static async Task<string> ValidateAsync(string document)
    {
        using var node = Process.Start(new ProcessStartInfo("node", ["validate.js"])
        {
            WorkingDirectory = await Folder.Value,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        })!;
        var (answer, error) = (node.StandardOutput.ReadToEndAsync(), node.StandardError.ReadToEndAsync());
        await node.StandardInput.WriteLineAsync(document.ReplaceLineEndings(" "));
        node.StandardInput.Close();
        await node.WaitForExitAsync();
        Assert.That(node.ExitCode, Is.Zero, await error);
        return (await answer).Trim();
    }

    private static async Task<string> InstallAsync()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "EnvPlatform.sln")))
        {
            folder = folder.Parent ?? throw new DirectoryNotFoundException("The tests run outside of the repository.");
        }

        var schemas = Path.Combine(folder.FullName, "tests", "Scanner.Service.Tests", "Curations", "schemas");
        if (File.Exists(Path.Combine(schemas, "node_modules", ".package-lock.json")))
        {
            return schemas;
        }

        try
        {
            using var npm = Process.Start(
                new ProcessStartInfo("npm", ["ci", "--no-audit", "--no-fund", "--ignore-scripts"]) { WorkingDirectory = schemas })!;
            await npm.WaitForExitAsync();
            if (npm.ExitCode == 0)
            {
                return schemas;
            }

            Missing($"npm ci ended with {npm.ExitCode} in {schemas}.");
        }
        catch (Win32Exception)
        {
            Missing("Node.js and npm are not installed.");
        }

        return schemas;
    }

    private static void Missing(string reason)
    {
        if (Environment.GetEnvironmentVariable("CI") is { Length: > 0 })
        {
            Assert.Fail(reason);
        }

        Assert.Ignore(reason);
    }
}

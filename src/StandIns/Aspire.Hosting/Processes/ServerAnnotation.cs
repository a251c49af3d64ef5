using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting.Processes;

/// <summary>How the machine's own program serves in place of a container.</summary>
internal sealed class ServerAnnotation : IResourceAnnotation
{
    /// <summary>Prepares folders and settings, and gives the programs to start: helpers first, the server itself last.</summary>
    public required Func<ServerSetting, CancellationToken, Task<IReadOnlyList<ProgramStart>>> PrepareAsync { get; init; }
}

/// <summary>What a server may use.</summary>
internal sealed record ServerSetting(DataFolder Folder, string Name, string Log, bool KeepData);

/// <summary>Answers null when the instance serves, and otherwise what is missing.</summary>
internal sealed class ReadinessAnnotation(Func<int, CancellationToken, Task<string?>> probe) : IResourceAnnotation
{
    public Func<int, CancellationToken, Task<string?>> Probe { get; } = probe;
}

/// <summary>Work to do on a server each time it has become ready, before others hear of it: a database to create.</summary>
internal sealed class WhenReadyAnnotation(Func<CancellationToken, Task> action) : IResourceAnnotation
{
    public Func<CancellationToken, Task> Action { get; } = action;
}

internal static class Programs
{
    /// <exception cref="DistributedApplicationException">The program is not installed.</exception>
    public static string Find(string program, string package, params IEnumerable<string> folders)
    {
        var path = Environment.GetEnvironmentVariable("PATH") ?? "";
        return folders.Concat(path.Split(':')).Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists)
            ?? throw new DistributedApplicationException($"{program} is not installed; on Debian and Ubuntu: apt-get install {package}");
    }
}

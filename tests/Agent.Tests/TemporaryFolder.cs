namespace EnvPlatform.Agent.Tests;

/// <summary>A folder of a test, removed with its content.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("envplatform-agent-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);

    /// <summary>Writes a file below the folder, with the folders that it needs; returns its path.</summary>
    public string Write(string relative, string content = "")
    {
        var file = System.IO.Path.Combine(Path, relative);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(file)!);
        File.WriteAllText(file, content);
        return file;
    }

    public string Combine(string relative) => System.IO.Path.Combine(Path, relative);
}

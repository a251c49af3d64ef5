namespace EnvPlatform.Agent.SignIn;

/// <summary>
/// Held by one process of this user at a time. The operating system releases it when the process ends, however it ends.
/// </summary>
internal sealed class FileLock : IDisposable
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);
    private readonly FileStream _file;

    private FileLock(FileStream file) => _file = file;

    /// <exception cref="AgentException">The file cannot be opened, or somebody else holds it for a minute.</exception>
    public static async Task<FileLock> AcquireAsync(string file, TimeProvider clock)
    {
        var started = clock.GetTimestamp();
        while (true)
        {
            try
            {
                return new FileLock(Open(file));
            }
            catch (IOException failure) when (failure is not (DirectoryNotFoundException or PathTooLongException))
            {
                if (clock.GetElapsedTime(started) > Longest)
                {
                    throw new AgentException($"{file} cannot be locked ({failure.Message}): does another 'envplatform' hang?");
                }
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                throw new AgentException($"{file} cannot be written ({failure.Message}): make its folder writable.");
            }

            await Task.Delay(Pause, clock, CancellationToken.None);
        }
    }

    public void Dispose() => _file.Dispose();

    private static FileStream Open(string file)
    {
        PrivateFile.CreateFolderOf(file);
        var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.Write, Share = FileShare.None };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        return new FileStream(file, options);
    }
}

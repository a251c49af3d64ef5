namespace EnvPlatform.LocalServers;

/// <summary>How a program is started. It runs in the foreground, under one process id throughout, and ends on SIGTERM.</summary>
/// <param name="Command">Absolute path of the program.</param>
/// <param name="Arguments">Its arguments; never secrets, since every user of the machine can read them.</param>
/// <param name="WorkingDirectory">Absolute path; it exists once the server is prepared.</param>
/// <param name="Environment">Variables that are added to those of the starting process.</param>
public sealed record ServerProcess(
    string Command, IReadOnlyList<string> Arguments, string WorkingDirectory, IReadOnlyDictionary<string, string> Environment);

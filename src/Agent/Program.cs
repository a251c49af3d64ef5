using EnvPlatform.Agent;

return await CommandLine.RunAsync(args, Surroundings.OfThisProcess, CancellationToken.None);

using EnvPlatform.Agent;

var last = LastHandler.Install(Console.Error);
return last.ExitCodeOf(await CommandLine.RunAsync(args, Surroundings.OfThisProcess, CancellationToken.None));

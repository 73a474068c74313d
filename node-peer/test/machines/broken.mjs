throw new Error('the house is dark')
